"""Build requests from prompt files: messages, attachments, few-shot pairs, schemas."""
