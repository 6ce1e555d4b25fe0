"""Files of weights in the layout of Keras' own, as those of ImageNet have it."""

import h5py


def save_weights(model, path):
    """Writes the weights of a network to an HDF5 file, as Keras 2 does by itself."""
    try:
        from keras.src.legacy.saving import legacy_h5_format
    except ImportError:
        model.save_weights(path)
    else:
        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)
