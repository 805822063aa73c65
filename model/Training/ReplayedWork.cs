using LDaeCore.Engine.Backends;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;

namespace LDaeCore.Model.Training;

/// <summary>Work that is the same in every step: done directly the first time, which compiles, tunes and allocates; recorded the second time, and replayed.</summary>
/// <param name="device">Who records; null does the work directly always.</param>
/// <param name="work">The work.</param>
internal sealed class ReplayedWork(IDeviceBackend? device, Action work) : IDisposable
{
    private bool _rehearsed;
    private IRecordedWork? _recorded;

    /// <summary>Whether it is replayed by now.</summary>
    public bool IsRecorded => _recorded is not null;

    /// <summary>Does the work.</summary>
    public void Run()
    {
        if (device is null || !_rehearsed)
        {
            work();
            _rehearsed = true;
            return;
        }

        _recorded ??= device.Record(work);
        _recorded.Run();
    }

    /// <summary>Forgets what was recorded: the addresses it works on have changed.</summary>
    public void Forget()
    {
        Dispose();
        _rehearsed = false;
    }

    /// <summary>Frees the recording.</summary>
    public void Dispose()
    {
        _recorded?.Dispose();
        _recorded = null;
    }
}
