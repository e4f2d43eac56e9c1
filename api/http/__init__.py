"""HTTP itself: connections and their limits, problems, headers, the OpenAPI document."""
