"""Who can be reached: clients, how they come in, and the conditions that choose among them."""
