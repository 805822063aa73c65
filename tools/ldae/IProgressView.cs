namespace LDaeCore.Runner;

/// <summary>Shows how far a run is. Disposing it leaves the last state on the screen.</summary>
internal interface IProgressView : IDisposable
{
    /// <summary>The state after a step; may be called as often as there are steps.</summary>
    /// <param name="step">Optimizer steps done.</param>
    /// <param name="totalSteps">Optimizer steps of the whole run.</param>
    /// <param name="loss">The step's loss, averaged over the global batch.</param>
    /// <param name="imagesPerSecond">Speed.</param>
    /// <param name="eta">Time left.</param>
    void Report(long step, long totalSteps, double loss, double imagesPerSecond, TimeSpan eta);

    /// <summary>Makes room for another line of output.</summary>
    void Clear();
}
