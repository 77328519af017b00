"""One module for each figure, which reads saved results and draws them."""
