"""Storage: files that are written whole and durably, and objects in a store that several machines share."""
