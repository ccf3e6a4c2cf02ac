"""The engine: graphs, formulas, gradients, schedules, plans and programs; it knows nothing of networks."""
