#include "routedk/parallel/launch.h"

#include "routedk/core/error.h"

#include "support/variables.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::parallel {
namespace {

using ::testing::HasSubstr;
using ::testing::Throws;
using testing::Variables;

std::optional<Launch> launch(const Variables& variables) {
  return launch_from(testing::environment_of(variables));
}

std::string refusal(const Variables& variables) {
  try {
    launch(variables);
    return "";
  } catch (const ConfigError& error) {
    return error.what();
  }
}

TEST(Launch, StandsAloneWithoutALauncher) {
  EXPECT_FALSE(launch({}));
  EXPECT_FALSE(launch({{"MASTER_ADDR", "host"}, {"MASTER_PORT", "1"}}));
  EXPECT_FALSE(launch({{"RANK", "0"}, {"WORLD_SIZE", "1"}}));
}

TEST(Launch, ReadsTorchrun) {
  const auto found = launch({{"RANK", "3"},
                             {"WORLD_SIZE", "8"},
                             {"MASTER_ADDR", "node1"},
                             {"MASTER_PORT", "1234"},
                             {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                             {"TORCHELASTIC_RUN_ID", "job"},
                             {"TORCHELASTIC_RESTART_COUNT", "2"}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rank, 3);
  EXPECT_EQ(found->size, 8);
  EXPECT_EQ(found->host, "node1");
  EXPECT_EQ(found->port, 1234);
  EXPECT_TRUE(found->served);
  EXPECT_EQ(found->attempt, "job/2");
}

TEST(Launch, ReadsOpenMpiOnOneMachine) {
  const auto found = launch(
      {{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rank, 1);
  EXPECT_EQ(found->host, "127.0.0.1");
  EXPECT_EQ(found->port, 29500);
  EXPECT_FALSE(found->served);
}

TEST(Launch, AsksForTheHostOfSeveralMachines) {
  EXPECT_THAT(refusal({{"OMPI_COMM_WORLD_RANK", "1"},
                       {"OMPI_COMM_WORLD_SIZE", "4"},
                       {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}}),
              HasSubstr("MASTER_ADDR must be set"));
}

TEST(Launch, ReadsASlurmStep) {
  const auto found = launch({{"SLURM_PROCID", "1"},
                             {"SLURM_NTASKS", "2"},
                             {"SLURM_STEP_ID", "0"},
                             {"SLURM_JOB_ID", "123456"},
                             {"SLURM_STEP_NODELIST", "gpu[07-08]"}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rank, 1);
  EXPECT_EQ(found->size, 2);
  EXPECT_EQ(found->host, "gpu07");
  EXPECT_EQ(found->port, 15000 + 3456);
}

/// sbatch sets the task's variables for the script itself too, and salloc for its shell.
TEST(Launch, StandsAloneInABatchScript) {
  EXPECT_FALSE(launch({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}, {"SLURM_JOB_ID", "1"}}));
  EXPECT_FALSE(launch({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}, {"SLURM_STEP_ID", "4294967290"}}));
}

TEST(Launch, RefusesWhatContradicts) {
  EXPECT_THAT(refusal({{"RANK", "0"}}),
              HasSubstr("RANK and WORLD_SIZE must be set together, but WORLD_SIZE is not"));
  EXPECT_THAT(refusal({{"RANK", "2"}, {"WORLD_SIZE", "2"}}), HasSubstr("RANK must be from 0 to 1, but is 2"));
  EXPECT_THAT(refusal({{"RANK", "x"}, {"WORLD_SIZE", "2"}}),
              HasSubstr("RANK must be a whole number, but is `x`"));
  EXPECT_THAT(refusal({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "70000"}}),
              HasSubstr("MASTER_PORT must be from 1 to 65535"));
  // RANK exported by the batch script: every task of srun would be rank 0
  EXPECT_THAT(
      refusal({{"RANK", "0"},
               {"WORLD_SIZE", "2"},
               {"MASTER_ADDR", "a"},
               {"SLURM_PROCID", "1"},
               {"SLURM_NTASKS", "2"},
               {"SLURM_STEP_ID", "0"}}),
      HasSubstr("RANK and SLURM_PROCID must agree, but this process is rank 0 of 2 by the first and 1 of 2"));
}

std::string gpu(const Variables& variables) {
  return gpu_of(testing::environment_of(variables)).value_or("as it is");
}

TEST(GpuOf, IsThePlaceOnTheMachine) {
  EXPECT_EQ(gpu({}), "as it is");
  EXPECT_EQ(gpu({{"LOCAL_RANK", "2"}}), "2");
  EXPECT_EQ(gpu({{"SLURM_LOCALID", "1"}, {"CUDA_VISIBLE_DEVICES", "4,6,7"}}), "6");
  EXPECT_EQ(gpu({{"OMPI_COMM_WORLD_LOCAL_RANK", "1"}, {"CUDA_VISIBLE_DEVICES", "5"}}), "as it is");
  EXPECT_THROW(gpu({{"LOCAL_RANK", "2"}, {"CUDA_VISIBLE_DEVICES", "4,6"}}), ConfigError);
}

TEST(FirstNode, ReadsSlurmsLists) {
  EXPECT_EQ(first_node("gpu[07-09,12],cpu1"), "gpu07");
  EXPECT_EQ(first_node("cpu1,gpu[07-09]"), "cpu1");
  EXPECT_EQ(first_node("rack[3,5]-ib"), "rack3-ib");
  EXPECT_EQ(first_node("alone"), "alone");
}

}  // namespace
}  // namespace routedk::parallel
