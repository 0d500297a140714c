// What lies below a folder of images.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "models/data/formats/left_out.h"
#include "runtime/base/errors.h"

namespace dcgan {

struct ImageFile {
  std::string name;           ///< relative to the folder, '/' between the parts
  std::uint64_t bytes = 0;    ///< 0 when unknown
  std::int64_t modified = 0;  ///< nanoseconds, 0 when unknown
  std::int32_t label = -1;    ///< -1: none
  std::string problem;        ///< not empty: why nothing can be read below this name
  ErrorKind problem_kind = ErrorKind::bad_data;
};

struct ImageListing {
  std::vector<ImageFile> files;  ///< bytewise by name
  std::vector<LeftOut> left_out;
  std::int64_t folders = 0;                ///< entered, the first one included
  std::vector<std::string> empty_folders;  ///< sub-folders of the first one, without a picture
};

struct ListingOptions {
  std::vector<std::string> classes;  ///< the sub-folders to enter; empty: all
  std::filesystem::path run_folder;  ///< of the run that asks; empty: none
};

/// Lists pictures, following symbolic links: what is named like one in any case (.jpg, .webp, ...),
/// unopened, and of the other files those that begin like one. A link to a folder that holds it is
/// listed as a problem and not entered, a folder that cannot be listed as well. Left out are hidden
/// and system names, the run's folder and whatever another run wrote (a folder that holds
/// metrics.jsonl and losses.csv); `folder` itself may be a run's, then its outputs are left out.
/// When there are images in sub-folders, each gets as label the rank of its first sub-folder among
/// those that hold images, and images beside the sub-folders are left out. Throws Error(config)
/// when `folder` is not a folder, when a class is missing, and when nothing is found.
ImageListing list_images(const std::filesystem::path& folder, const ListingOptions& options);

}  // namespace dcgan
