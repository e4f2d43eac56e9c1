"""The whole stack in containers, as docker-compose.yml has it: `make e2e`, which needs an engine and some minutes."""
