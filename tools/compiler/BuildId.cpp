// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The id is a note of the loaded program (elf(5), NT_GNU_BUILD_ID).

#include "tools/compiler/BuildId.h"

#include <cstring>
#include <elf.h>
#include <link.h>
#include <string_view>

namespace headgate {

namespace {

size_t padded(size_t bytes) { return (bytes + 3) / 4 * 4; }

std::string idInNotes(std::string_view notes) {
  ElfW(Nhdr) head;
  while (notes.size() >= sizeof(head)) {
    std::memcpy(&head, notes.data(), sizeof(head));
    notes.remove_prefix(sizeof(head));
    size_t nameBytes = padded(head.n_namesz), idBytes = padded(head.n_descsz);
    if (notes.size() < nameBytes || notes.size() - nameBytes < idBytes)
      break;
    bool isId = head.n_type == NT_GNU_BUILD_ID &&
                notes.substr(0, head.n_namesz) == std::string_view("GNU", 4);
    if (isId) {
      std::string digits;
      for (char byte : notes.substr(nameBytes, head.n_descsz)) {
        constexpr const char *hex = "0123456789abcdef";
        digits += hex[static_cast<unsigned char>(byte) >> 4];
        digits += hex[static_cast<unsigned char>(byte) & 15];
      }
      return digits;
    }
    notes.remove_prefix(nameBytes + idBytes);
  }
  return "";
}

int readProgram(dl_phdr_info *program, size_t, void *id) {
  for (int i = 0; i < program->dlpi_phnum; ++i) {
    const ElfW(Phdr) &segment = program->dlpi_phdr[i];
    std::string *found = static_cast<std::string *>(id);
    if (segment.p_type == PT_NOTE && found->empty())
      *found = idInNotes(
          {reinterpret_cast<const char *>(program->dlpi_addr + segment.p_vaddr),
           segment.p_memsz});
  }
  return 1; // the program comes first; the others are its libraries
}

} // namespace

std::string buildId() {
  std::string id;
  dl_iterate_phdr(readProgram, &id);
  return id;
}

} // namespace headgate
