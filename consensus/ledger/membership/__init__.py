"""A neuron in its subnet: a uid, an endpoint, a model, weights."""
