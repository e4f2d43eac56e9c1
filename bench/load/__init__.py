"""The load: clients that submit jobs and files, that wait, and that flood."""
