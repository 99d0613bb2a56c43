"""What users write: comparison rules, floors, budgets, waivers."""
