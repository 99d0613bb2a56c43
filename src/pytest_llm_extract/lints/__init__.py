"""What is wrong with golden data and few-shot examples. Pure functions of documents and their gold."""
