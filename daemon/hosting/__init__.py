"""The neuron's supervisor and its port to the chain. Knows no task by name."""
