#include "models/data/formats/image_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <utility>

namespace dcgan {
namespace {

namespace fs = std::filesystem;

/// Device and inode: what a folder is, whatever path led to it.
using FolderId = std::pair<dev_t, ino_t>;

bool names_an_image(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array kExtensions{".jpg", ".jpeg", ".png"};
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

class Lister {
 public:
  explicit Lister(ImageListing& listing) : listing_(listing) {}

  /// Enters `path`, known as `name`; only the sub-folders in `wanted` unless it is empty.
  void enter(const fs::path& path, const std::string& name, const std::set<std::string>& wanted) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return add_problem(name, "vanished", ErrorKind::io);
    const FolderId id{status.st_dev, status.st_ino};
    if (std::find(ancestors_.begin(), ancestors_.end(), id) != ancestors_.end()) {
      return add_problem(name, "a symbolic link to a folder that holds it", ErrorKind::bad_data);
    }
    ancestors_.push_back(id);
    ++listing_.folders;
    list(path, name, wanted);
    ancestors_.pop_back();
  }

 private:
  void list(const fs::path& path, const std::string& name, const std::set<std::string>& wanted) {
    std::error_code error;
    fs::directory_iterator entries(path, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      const std::string own = entries->path().filename().string();
      const std::string full = name.empty() ? own : name + "/" + own;
      std::error_code ignored;  // a dangling link is no folder; as an image it fails when read
      if (entries->is_directory(ignored)) {
        if (wanted.empty() || wanted.contains(own)) enter(entries->path(), full, {});
      } else if (names_an_image(entries->path())) {
        if (wanted.empty()) add_file(entries->path(), full);
      } else {
        ++listing_.other_files;
      }
    }
    if (error) add_problem(name, "cannot list: " + error.message(), ErrorKind::io);
  }

  void add_file(const fs::path& path, const std::string& name) {
    ImageFile file;
    file.name = name;
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) {
      file.bytes = static_cast<std::uint64_t>(status.st_size);
      file.modified = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
    }
    listing_.files.push_back(std::move(file));
  }

  void add_problem(const std::string& name, std::string problem, ErrorKind kind) {
    ImageFile file;
    file.name = name;
    file.problem = std::move(problem);
    file.problem_kind = kind;
    listing_.files.push_back(std::move(file));
  }

  ImageListing& listing_;
  std::vector<FolderId> ancestors_;  // the folders we are in
};

void require_classes(const fs::path& folder, const std::vector<std::string>& classes) {
  for (const std::string& name : classes) {
    std::error_code error;
    const bool plain =
        !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
    if (!plain || !fs::is_directory(folder / name, error)) {
      fail(ErrorKind::config, "{}: class \"{}\" has no sub-folder", folder.string(), name);
    }
  }
}

/// The first sub-folder, or empty.
std::string class_of(const ImageFile& file) {
  const std::size_t slash = file.name.find('/');
  return slash == std::string::npos ? "" : file.name.substr(0, slash);
}

void label(const fs::path& folder, ImageListing& listing) {
  std::set<std::string> names;
  for (const ImageFile& file : listing.files) names.insert(class_of(file));
  names.erase("");
  if (names.empty()) return;
  const std::size_t before = listing.files.size();
  // A problem stays even without a sub-folder: it may be a class that could not be entered.
  std::erase_if(listing.files, [](const ImageFile& file) {
    return class_of(file).empty() && file.problem.empty();
  });
  if (listing.files.size() != before) {
    listing.notes.push_back(fmt::format("{}: {} images beside the sub-folders are left out",
                                        folder.string(), before - listing.files.size()));
  }
  for (ImageFile& file : listing.files) {
    const auto place = names.find(class_of(file));
    if (place != names.end()) {
      file.label = static_cast<std::int32_t>(std::distance(names.begin(), place));
    }
  }
}

}  // namespace

ImageListing list_images(const fs::path& folder, const std::vector<std::string>& classes) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    fail(ErrorKind::config, "{}: {}", folder.string(),
         fs::exists(folder, error) ? "not a folder" : "not found");
  }
  require_classes(folder, classes);
  ImageListing listing;
  Lister(listing).enter(folder, "", {classes.begin(), classes.end()});
  if (listing.files.empty()) {
    fail(ErrorKind::config, "{}: 0 images (.jpg, .jpeg, .png) among {} other files in {} folders{}",
         folder.string(), listing.other_files, listing.folders,
         classes.empty() ? "" : fmt::format(", classes {}", fmt::join(classes, ", ")));
  }
  std::sort(listing.files.begin(), listing.files.end(),
            [](const ImageFile& a, const ImageFile& b) { return a.name < b.name; });
  label(folder, listing);
  return listing;
}

}  // namespace dcgan
