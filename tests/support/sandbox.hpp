// SPDX-License-Identifier: BSL-1.0
//
// sandbox: restrictions that a child process puts on itself: its own mounts, another user, a file system that
// lacks some operations. Each gives false where the system does not permit it; the test is then skipped, with
// a message.
//
// Who may call it: the function of a Child, never the test process itself: none of it can be undone.
#pragma once

#include "support/child.hpp"

#include <array>
#include <string>

#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

namespace test {

/// Mounts made from here on are visible to this process and its children alone, and end with them.
inline bool own_mounts() {
  if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

/// From here on this process's children are in a process-id namespace of their own. The first of them is
/// process 1; when it ends the kernel kills the others.
inline bool own_process_ids() {
  if (::unshare(CLONE_NEWPID) == 0) return true;
  const std::string user = std::to_string(::geteuid());
  const std::string group = std::to_string(::getegid());
  if (::unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) return false;
  // A publisher checks who owns a file, so the user id stays the same.
  const auto write = [](const char* path, const std::string& text) {
    const Descriptor file{::open(path, O_WRONLY | O_CLOEXEC)};
    return ::write(file.id(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  };
  return write("/proc/self/setgroups", "deny") && write("/proc/self/uid_map", user + " " + user + " 1") &&
         write("/proc/self/gid_map", group + " " + group + " 1");
}

/// Puts an empty file system of `size` (such as "64k") onto a folder.
inline bool mount_tmpfs(const std::string& folder, const std::string& size) {
  return ::mount("seqcast-test", folder.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
}

/// Becomes the user "nobody". Root only.
inline bool become_nobody() {
  constexpr unsigned nobody = 65534;
  return ::geteuid() == 0 && ::setgroups(0, nullptr) == 0 && ::setgid(nobody) == 0 && ::setuid(nobody) == 0;
}

inline bool limit_descriptors(rlim_t count) {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  limit.rlim_cur = count;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

enum class Links { allowed, refused };

/// From here on every file system behaves like one without O_TMPFILE: with Links::allowed like NFS, which
/// cannot rename without replacing, and with Links::refused like vfat, which has no hard links. System calls
/// fail as they do there.
inline bool forbid_unnamed_files(Links links) {
  constexpr auto number = static_cast<unsigned>(offsetof(struct seccomp_data, nr));
  constexpr auto open_flags =
      static_cast<unsigned>(offsetof(struct seccomp_data, args) + 2 * sizeof(std::uint64_t));
  constexpr unsigned unnamed = O_TMPFILE & ~O_DIRECTORY;
  constexpr unsigned allow = SECCOMP_RET_ALLOW;
  const unsigned no_link = links == Links::refused ? SECCOMP_RET_ERRNO | EPERM : allow;
  const unsigned no_rename = links == Links::allowed ? SECCOMP_RET_ERRNO | EINVAL : allow;
#ifdef __NR_link
  constexpr unsigned link_number = __NR_link;
#else
  constexpr unsigned link_number = __NR_linkat;
#endif
  std::array<struct sock_filter, 11> filter{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, link_number, 7, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_linkat, 6, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_renameat2, 6, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, open_flags),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, unnamed, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
      BPF_STMT(BPF_RET | BPF_K, allow),
      BPF_STMT(BPF_RET | BPF_K, no_link),
      BPF_STMT(BPF_RET | BPF_K, no_rename),
  }};
  const struct sock_fprog program { static_cast<unsigned short>(filter.size()), filter.data() };
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

} // namespace test
