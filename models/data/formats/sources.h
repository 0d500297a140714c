// One function per kind of data set, behind load_dataset. Each expects options that
// check_dataset_options has accepted; errors as in dataset.h.
#pragma once

#include "models/data/dataset.h"

namespace dcgan {

/// Throws Error(config) when image_size, channels, count or workers are out of range.
void check_dataset_options(const DatasetOptions& options);

/// Handwritten digits that the program draws itself: image i is digit i % 10, a function of
/// (seed, i, image_size) and of nothing else.
Dataset draw_strokes(const DatasetOptions& options);

/// MNIST and whatever else comes as IDX, plain or .gz: options.path is the file of the images, or a
/// folder that holds one under its usual name (train-images-idx3-ubyte, train-images.idx3-ubyte).
/// The labels lie beside it, "labels" and "idx1" in place of "images" and "idx3"; without such a
/// file the data set has no labels, and a note.
Dataset load_idx(const DatasetOptions& options);

/// CIFAR-10 or CIFAR-100, the binary version: options.path is one .bin file, or a folder that holds
/// data_batch_1..5.bin (CIFAR-10) or train.bin (CIFAR-100), there or in the sub-folder that the
/// archive unpacks to. Labels of CIFAR-100 are the fine ones.
Dataset load_cifar(const DatasetOptions& options);

/// JPEG and PNG files below a folder, in the bytewise order of their paths; labels from the names
/// of the first sub-folders, sorted, where there are any, as torchvision's ImageFolder.
Dataset load_image_folder(const DatasetOptions& options);

/// A file of write_packed(), mapped: packed/packed_file.h.
Dataset load_packed(const DatasetOptions& options);

}  // namespace dcgan
