"""How often attribution is right: simulated traffic with the truth kept, our method against the usual ones."""
