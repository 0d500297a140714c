// What lies below a folder of images.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

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
  std::vector<std::string> notes;
  std::int64_t other_files = 0;  ///< not named .jpg, .jpeg or .png
  std::int64_t folders = 0;      ///< entered, the first one included
};

/// Lists what is named .jpg, .jpeg or .png in any case, following symbolic links; a link to a
/// folder that holds it is listed as a problem and not entered, a folder that cannot be listed as
/// well. When there are images in sub-folders, each gets as label the rank of its first sub-folder
/// among those that hold images, and images beside the sub-folders are left out with a note.
/// `classes`: the sub-folders to enter, all when empty. Throws Error(config) when `folder` is not a
/// folder, when a class is missing, and when nothing is found.
ImageListing list_images(const std::filesystem::path& folder,
                         const std::vector<std::string>& classes);

}  // namespace dcgan
