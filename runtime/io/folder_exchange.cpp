#include "runtime/io/folder_exchange.h"

#include <fcntl.h>
#include <stdio.h>  // renameat2

#include <cerrno>
#include <system_error>

#include "runtime/io/descriptor.h"

namespace dcgan {
namespace {

std::filesystem::path old_name(const std::filesystem::path& target) {
  std::filesystem::path old = target;
  return old += ".old";
}

void rename_folder(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  if (error) fail_system(to, "put the folder in place", error.value());
}

void remove_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  if (error) fail_system(folder, "remove the old folder", error.value());
}

}  // namespace

bool exchange_folders(const std::filesystem::path& a, const std::filesystem::path& b) {
  if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0) return true;
  if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) return false;
  fail_system(b, "put the folder in place", errno);
}

void replace_by_two_renames(const std::filesystem::path& finished,
                            const std::filesystem::path& target) {
  const std::filesystem::path old = old_name(target);
  remove_folder(old);
  rename_folder(target, old);
  rename_folder(finished, target);
  sync_folder(folder_of(target));
  remove_folder(old);
}

void recover_from_two_renames(const std::filesystem::path& target) {
  const std::filesystem::path old = old_name(target);
  if (!std::filesystem::exists(old)) return;
  if (std::filesystem::exists(target)) return remove_folder(old);
  rename_folder(old, target);
  sync_folder(folder_of(target));
}

}  // namespace dcgan
