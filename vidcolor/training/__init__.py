"""Training of the networks on photographs and clips: data, augmentation, losses, the loop."""
