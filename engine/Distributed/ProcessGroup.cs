using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Distributed;

/// <summary>Brings the processes of a run together.</summary>
public static class ProcessGroup
{
    /// <summary>Joins the others; returns when all are there.</summary>
    /// <param name="launch">What the environment says of them.</param>
    /// <param name="lost">Told once, on a thread of its own, why the group cannot go on: a call may never return then, so it has to end the process.</param>
    /// <param name="warn">Told what a person should know.</param>
    /// <param name="stop">Ends the waiting for the others.</param>
    /// <returns>The group, for tensors in the processor's memory.</returns>
    /// <exception cref="LdaeException">Device: Open MPI is needed and missing. Configuration or Run: somebody did not come.</exception>
    /// <exception cref="OperationCanceledException">The process was asked to stop before all had come.</exception>
    public static ICommunicator Join(Launch launch, Action<ProcessFault> lost, Action<string> warn, CancellationToken stop = default) => launch.Way switch
    {
        LaunchWay.Mpi => new MpiCommunicator(launch, lost, warn, stop),
        LaunchWay.Tcp => new TcpCommunicator(launch, lost, stop),
        _ => SingleProcess.Instance,
    };
}
