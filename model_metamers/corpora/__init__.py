"""Natural signals in bulk: speech, backgrounds and images, from their files to records."""
