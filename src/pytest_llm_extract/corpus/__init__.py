"""Score whole files of predictions in bounded memory."""
