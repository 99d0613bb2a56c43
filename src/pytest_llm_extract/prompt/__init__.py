"""Prompt files and all that goes into a request: messages, parts, few-shot pairs, schemas."""
