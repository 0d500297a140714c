#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "runtime/base/errors.h"
#include "runtime/io/descriptor.h"
#include "runtime/io/files.h"
#include "runtime/io/folder_exchange.h"

namespace dcgan {
namespace {

// "runs/one/" and "runs/one" are the same folder; the name is needed without the slash.
std::filesystem::path without_trailing_slash(const std::filesystem::path& path) {
  const std::filesystem::path normal = path.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

void sync_file(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) fail_system(path, "open", errno);
  if (::fsync(file.number()) != 0) fail_system(path, "flush", errno);
}

void sync_tree(const std::filesystem::path& root) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.is_directory()) {
      sync_folder(entry.path());
    } else if (entry.is_regular_file()) {
      sync_file(entry.path());
    }
  }
  sync_folder(root);
}

}  // namespace

AtomicFolder::AtomicFolder(std::filesystem::path target)
    : target_(without_trailing_slash(target)), temporary_(target_) {
  DCGAN_CHECK(target_.has_filename() && target_ != "." && target_.filename() != "..",
              "atomic folder: \"{}\" does not end in a name", target.string());
  temporary_ += ".tmp";
  std::error_code error;
  std::filesystem::remove_all(temporary_, error);
  if (error) fail_system(temporary_, "remove what an earlier run left", error.value());
  std::filesystem::create_directories(temporary_, error);
  if (error) fail_system(temporary_, "create the folder", error.value());
  recover_from_two_renames(target_);
}

AtomicFolder::~AtomicFolder() {
  if (committed_) return;
  std::error_code ignored;  // a destructor cannot report; the next run removes what is left
  std::filesystem::remove_all(temporary_, ignored);
}

void AtomicFolder::commit() {
  DCGAN_CHECK(!committed_, "atomic folder: {} is committed twice", target_.string());
  std::error_code error;
  try {
    sync_tree(temporary_);
  } catch (const std::filesystem::filesystem_error& broken) {
    fail_system(temporary_, "list the folder", broken.code().value());
  }
  if (!std::filesystem::exists(std::filesystem::symlink_status(target_))) {
    std::filesystem::rename(temporary_, target_, error);
    if (error) fail_system(target_, "put the folder in place", error.value());
  } else if (!exchange_folders(temporary_, target_)) {
    replace_by_two_renames(temporary_, target_);
  }
  committed_ = true;
  sync_folder(folder_of(target_));
  // After an exchange the old contents have the temporary name.
  std::filesystem::remove_all(temporary_, error);
  if (error) fail_system(temporary_, "remove the folder that was replaced", error.value());
}

}  // namespace dcgan
