"""Read and write JSON, YAML and text, independent of this project."""
