#include "models/data/formats/image_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "runtime/io/descriptor.h"
#include "runtime/io/image/image.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

/// Device and inode: what a folder is, whatever path led to it.
using FolderId = std::pair<dev_t, ino_t>;

std::optional<FolderId> id_of(const fs::path& path) {
  struct stat status {};
  if (path.empty() || ::stat(path.c_str(), &status) != 0) return std::nullopt;
  return FolderId{status.st_dev, status.st_ino};
}

bool names_an_image(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array kExtensions{".jpg",  ".jpeg", ".jpe", ".jfif", ".png",
                                   ".webp", ".bmp",  ".dib", ".gif",  ".tif",
                                   ".tiff", ".ppm",  ".pgm", ".pbm",  ".pnm"};
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

/// Of a file that is not named like one.
bool begins_like_an_image(const fs::path& path) {
  std::array<std::byte, kImageStartBytes> start{};
  const OpenedFile file = open_regular_file(path);
  const std::size_t count = read_some(file.descriptor, start, path);
  return image_format(std::span(start).first(count)).has_value();
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

/// A training's output folder, to go by the two files that every run writes.
bool is_run_folder(const fs::path& path) {
  return is_file(path / "metrics.jsonl") && is_file(path / "losses.csv");
}

/// What a run writes into its folder (docs/outputs.md).
bool is_run_output(const std::string& name) {
  constexpr std::array<std::string_view, 9> kNames{"real.png",    "samples.png",   "samples",
                                                   "checkpoints", "metrics.jsonl", "dry-run",
                                                   "losses.csv",  "dry-run.txt",   "run.lock"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

class Lister {
 public:
  Lister(ImageListing& listing, const ListingOptions& options)
      : listing_(listing), options_(options) {}

  /// Enters `path`, known as `name`; only the sub-folders in `wanted` unless it is empty.
  void enter(const fs::path& path, const std::string& name, const std::set<std::string>& wanted) {
    const std::optional<FolderId> id = id_of(path);
    if (!id) return add_problem(name, "vanished", ErrorKind::io);
    if (std::find(ancestors_.begin(), ancestors_.end(), *id) != ancestors_.end()) {
      return add_problem(name, "a symbolic link to a folder that holds it", ErrorKind::bad_data);
    }
    const bool is_top = ancestors_.empty();
    const bool is_run = is_of_a_run(path, *id);
    if (is_run && !is_top) return leave_out(LeftOutReason::run_output, name);
    const std::size_t before = listing_.files.size();
    ancestors_.push_back(*id);
    ++listing_.folders;
    list(path, name, wanted, is_run);
    ancestors_.pop_back();
    const bool is_class = ancestors_.size() == 1;
    if (is_class && listing_.files.size() == before) listing_.empty_folders.push_back(name);
  }

 private:
  // The run's folder may be made while we look: asked anew for each folder.
  bool is_of_a_run(const fs::path& path, const FolderId& id) const {
    return id_of(options_.run_folder) == id || is_run_folder(path);
  }

  void list(const fs::path& path, const std::string& name, const std::set<std::string>& wanted,
            bool is_run) {
    std::error_code error;
    fs::directory_iterator entries(path, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      const std::string own = entries->path().filename().string();
      const std::string full = name.empty() ? own : name + "/" + own;
      std::error_code ignored;  // a dangling link is no folder; as an image it fails when read
      const bool is_folder = entries->is_directory(ignored);
      const bool is_wanted = wanted.empty() || (is_folder && wanted.contains(own));
      if (!is_wanted) continue;  // the user has chosen
      if (wanted.empty() && is_system_name(own)) {
        leave_out(LeftOutReason::system_name, full);
      } else if (is_run && is_run_output(own)) {
        leave_out(LeftOutReason::run_output, full);
      } else if (is_folder) {
        enter(entries->path(), full, {});
      } else {
        consider_file(entries->path(), full);
      }
    }
    if (error) add_problem(name, "cannot list: " + error.message(), ErrorKind::io);
  }

  void consider_file(const fs::path& path, const std::string& name) {
    if (names_an_image(path)) return add_file(path, name);
    if (!is_file(path)) return leave_out(LeftOutReason::no_picture, name);
    try {
      if (begins_like_an_image(path)) return add_file(path, name);
      leave_out(LeftOutReason::no_picture, name);
    } catch (const Error&) {
      leave_out(LeftOutReason::unopened, name);
    }
  }

  void leave_out(LeftOutReason reason, const std::string& name) {
    add_left_out(listing_.left_out, reason, name);
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
  const ListingOptions& options_;
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

/// Each label is the rank of the first sub-folder; pictures beside the sub-folders are left out.
void label(ImageListing& listing) {
  std::set<std::string> names;
  for (const ImageFile& file : listing.files) names.insert(class_of(file));
  names.erase("");
  if (names.empty()) return;
  // A problem stays even without a sub-folder: it may be a class that could not be entered.
  std::erase_if(listing.files, [&](const ImageFile& file) {
    if (!class_of(file).empty() || !file.problem.empty()) return false;
    add_left_out(listing.left_out, LeftOutReason::beside_classes, file.name);
    return true;
  });
  for (const std::string& name : listing.empty_folders) {
    add_left_out(listing.left_out, LeftOutReason::empty_class, name);
  }
  for (ImageFile& file : listing.files) {
    const auto place = names.find(class_of(file));
    if (place != names.end()) {
      file.label = static_cast<std::int32_t>(std::distance(names.begin(), place));
    }
  }
}

}  // namespace

ImageListing list_images(const fs::path& folder, const ListingOptions& options) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    fail(ErrorKind::config, "{}: {}", folder.string(),
         fs::exists(folder, error) ? "not a folder" : "not found");
  }
  require_classes(folder, options.classes);
  ImageListing listing;
  Lister(listing, options).enter(folder, "", {options.classes.begin(), options.classes.end()});
  if (listing.files.empty()) {
    const std::string classes =
        options.classes.empty() ? ""
                                : fmt::format(" of classes {}", fmt::join(options.classes, ", "));
    fail(ErrorKind::config, "{}: 0 images in {} folders{}; left out: {}", folder.string(),
         listing.folders, classes,
         listing.left_out.empty() ? "nothing" : describe(listing.left_out));
  }
  std::sort(listing.files.begin(), listing.files.end(),
            [](const ImageFile& a, const ImageFile& b) { return a.name < b.name; });
  label(listing);
  return listing;
}

}  // namespace dcgan
