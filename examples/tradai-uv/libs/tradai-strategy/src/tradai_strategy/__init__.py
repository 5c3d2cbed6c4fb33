"""The contract between tradai and its strategies. Import the module that you need."""
