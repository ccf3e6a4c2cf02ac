"""From bytes to a model that has been checked, and to arrays. The one place that reads files."""
