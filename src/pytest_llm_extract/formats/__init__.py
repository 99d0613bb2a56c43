"""Reading and writing JSON, YAML and text, without any knowledge of this project."""
