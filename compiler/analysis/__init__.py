"""Questions asked of a graph without changing it: users, liveness, aliasing, cost."""
