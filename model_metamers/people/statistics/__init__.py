"""How well people recognise, with intervals, and the tests of what was planned."""
