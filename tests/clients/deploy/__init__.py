"""What conf/ and `meson install` give to those who deploy: every file is true for this topod."""
