"""Who recognises what: networks as judges, their answers, and the truth."""
