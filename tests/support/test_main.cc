// main() of the GoogleTest programs that do not need GStreamer.
#include "support/run_tests.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return tae::testing::RunTests();
}
