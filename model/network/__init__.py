"""Networks: torchvision's classifiers or one's own, with the normalisation inside and a head that grows."""
