#include "control/command_line.h"
#include "control/instance.h"
#include "control/log/stdio_redirect.h"

int main(int argc, char** argv) {
  control::hold_standard_streams();
  return control::command_line(argc, argv, control::run);
}
