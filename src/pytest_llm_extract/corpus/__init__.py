"""Whole files of predictions, scored in bounded memory."""
