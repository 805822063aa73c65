using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;

namespace LDaeCore.Model.Training;

/// <summary>
/// Tells a spike of the loss from its usual noise: a loss several times the median of those before it. The median of a few dozen losses
/// follows a run as it learns, and one bad step does not move it.
/// </summary>
/// <param name="factor">How many times the median is a spike; 0 never sees one.</param>
internal sealed class LossSpikes(double factor)
{
    /// <summary>Losses that the median is taken of, and how many must be there before anything counts as a spike.</summary>
    public const int Window = 50, Fewest = 10;

    private readonly Queue<double> _losses = new();

    /// <summary>The median of the last losses, the lower one of two middle ones; NaN of none.</summary>
    public double Median => _losses.Count == 0 ? double.NaN : _losses.Order().ElementAt((_losses.Count - 1) / 2);

    /// <summary>Looks at a step's loss; one that is no spike counts from then on.</summary>
    /// <param name="loss">The loss, a finite number.</param>
    /// <returns>Whether it is a spike.</returns>
    public bool IsSpike(double loss)
    {
        if (factor <= 0)
        {
            return false;
        }

        if (_losses.Count >= Fewest && loss > factor * Median)
        {
            return true;
        }

        _losses.Enqueue(loss);
        if (_losses.Count > Window)
        {
            _losses.Dequeue();
        }

        return false;
    }

    /// <summary>Forgets the losses of steps that are taken back.</summary>
    public void Clear() => _losses.Clear();
}
