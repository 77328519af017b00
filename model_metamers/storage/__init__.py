"""Files and folders: written whole or not at all, told apart by content, claimed for one purpose."""
