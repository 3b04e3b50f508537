"""The chain at work: head, mempool, agreement, sync. Knows no door and no neuron."""
