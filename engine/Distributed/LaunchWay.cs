namespace LDaeCore.Engine.Distributed;

/// <summary>How the processes of a run find each other.</summary>
public enum LaunchWay
{
    /// <summary>There is one process only.</summary>
    Alone,

    /// <summary>Open MPI knows.</summary>
    Mpi,

    /// <summary>Rank 0 waits for the others at an address that all were told.</summary>
    Tcp,
}
