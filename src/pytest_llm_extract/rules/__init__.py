"""Values that users write: comparison rules, floors, budgets, waivers, variants."""
