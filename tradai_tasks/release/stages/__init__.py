"""The stages of a release: as plain values, and made from them."""
