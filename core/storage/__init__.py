"""Storage: whole files on a disk, and objects in a store that several machines share."""
