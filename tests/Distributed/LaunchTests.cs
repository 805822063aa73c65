using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Interop;
using LDaeCore.Tests.Cuda;
using NUnit.Framework;

namespace LDaeCore.Tests.Distributed;

/// <summary>Rank and size of a process, from the variables of its launcher.</summary>
public sealed class LaunchTests
{
    private const string Mpirun = "OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=2";
    private const string Srun = "SLURM_PROCID=3 SLURM_STEP_NUM_TASKS=8 SLURM_LOCALID=1";
    private const string Torchrun = "RANK=2 WORLD_SIZE=3 LOCAL_RANK=0 MASTER_ADDR=node1 MASTER_PORT=29500";

    [TestCase("", LaunchWay.Alone, 0, 1, 0)]
    [TestCase(Mpirun, LaunchWay.Mpi, 1, 4, 1)]
    [TestCase(Mpirun + " MASTER_ADDR=node1 MASTER_PORT=1 SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2 SLURM_LOCALID=0", LaunchWay.Mpi, 1, 4, 1)]
    [TestCase("OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_LOCAL_RANK=0", LaunchWay.Alone, 0, 1, 0)]
    [TestCase(Srun, LaunchWay.Mpi, 3, 8, 1)]
    [TestCase(Srun + " MASTER_ADDR=node1 MASTER_PORT=29500", LaunchWay.Tcp, 3, 8, 1)]
    [TestCase("SLURM_PROCID=0 SLURM_NTASKS=8 SLURM_LOCALID=0", LaunchWay.Alone, 0, 1, 0, Description = "a batch script's own process")]
    [TestCase(Torchrun, LaunchWay.Tcp, 2, 3, 0)]
    [TestCase(
        Torchrun + " TORCHELASTIC_RUN_ID=7 SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2 SLURM_LOCALID=0", LaunchWay.Tcp, 2, 3, 0,
        Description = "srun starts a torchrun on each machine")]
    [TestCase(Torchrun + " TORCHELASTIC_RUN_ID=7 " + Mpirun, LaunchWay.Tcp, 2, 3, 0)]
    [TestCase("RANK=0 WORLD_SIZE=1", LaunchWay.Alone, 0, 1, 0)]
    [TestCase("MASTER_ADDR=node1 MASTER_PORT=29500", LaunchWay.Alone, 0, 1, 0)]
    public void Variables_say_who_we_are(string variables, LaunchWay way, int rank, int size, int localRank)
    {
        var launch = Read(variables);
        Assert.That((launch.Way, launch.Rank, launch.Size, launch.LocalRank), Is.EqualTo((way, rank, size, localRank)));
    }

    [Test]
    public void Torchruns_own_port_is_left_to_it()
    {
        Assert.That((Read(Torchrun).MasterAddress, Read(Torchrun).MasterPort), Is.EqualTo(("node1", 29500)));
        Assert.That(Read(Torchrun + " TORCHELASTIC_USE_AGENT_STORE=True").MasterPort, Is.EqualTo(29501));
    }

    [TestCase("RANK=0", "WORLD_SIZE")]
    [TestCase("WORLD_SIZE=2", "RANK")]
    [TestCase("LOCAL_RANK=0", "RANK")]
    [TestCase("RANK=0 WORLD_SIZE=2 LOCAL_RANK=0", "MASTER_PORT")]
    [TestCase("RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 MASTER_PORT=29500", "MASTER_ADDR")]
    [TestCase("RANK=0 WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=29500", "LOCAL_RANK")]
    [TestCase("RANK=2 WORLD_SIZE=2 LOCAL_RANK=0 MASTER_ADDR=a MASTER_PORT=29500", "RANK = 2")]
    [TestCase("RANK=-1 WORLD_SIZE=2", "RANK = -1")]
    [TestCase("RANK=0 WORLD_SIZE=two", "WORLD_SIZE = two")]
    [TestCase("RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 MASTER_ADDR=a MASTER_PORT=70000", "MASTER_PORT = 70000")]
    [TestCase("RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 MASTER_ADDR=a MASTER_PORT=65535 TORCHELASTIC_USE_AGENT_STORE=True", "MASTER_PORT = 65535")]
    [TestCase("RANK=0 WORLD_SIZE=2000000000 LOCAL_RANK=0 MASTER_ADDR=a MASTER_PORT=29500", "WORLD_SIZE = 2000000000")]
    [TestCase("OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE")]
    [TestCase(Mpirun + " " + Torchrun, "OMPI_COMM_WORLD_RANK = 1")]
    [TestCase(Srun + " " + Torchrun, "SLURM_PROCID = 3")]
    [TestCase("PMI_RANK=0 PMI_SIZE=2", "MPICH")]
    public void Half_given_and_contradictory_variables_are_refused_by_name(string variables, string named)
    {
        var error = Assert.Throws<LdaeException>(() => Read(variables));
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Configuration));
        Assert.That(error.Message, Does.Contain(named));
        Assert.That(error.Remedy, Does.StartWith("Set ").Or.StartWith("Unset ").Or.StartWith("Correct ").Or.Contain("mpirun"));
    }

    [Test]
    public void Another_library_in_open_mpis_place_is_not_taken_for_it()
    {
        using var folder = new TemporaryFolder();
        FakeLibrary.Place(folder.Path, LibraryKind.Mpi.FileNames[0]);
        var search = new LibrarySearch(name => name == "LDAE_MPI_PATH" ? folder.Path : null, folder.Path, useLoader: false);
        var error = Assert.Throws<LdaeException>(() => search.Find(LibraryKind.Mpi).Require())!;
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Device));
        Assert.That(error.Message, Does.Contain(Path.Combine(folder.Path, "libmpi.so.40")).And.Contain("not Open MPI"));
        Assert.That(error.Remedy, Does.Contain("openmpi-bin").And.Contain("MPICH"));
        Assert.That(new LibrarySearch(_ => null, folder.Path, useLoader: false).Find(LibraryKind.Mpi).Tried, Has.One.Contains("LDAE_MPI_PATH (not set)"));
    }

    private static Launch Read(string variables)
    {
        var values = variables.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(v => v.Split('=')).ToDictionary(v => v[0], v => v[1]);
        return Launch.Read(name => values.GetValueOrDefault(name));
    }
}
