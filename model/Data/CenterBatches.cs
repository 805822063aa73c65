using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Data;

/// <summary>Centre-cropped images in the order of their indices; the next batch is decoded while one is used.</summary>
public static class CenterBatches
{
    /// <summary>Reads images.</summary>
    /// <param name="source">The images.</param>
    /// <param name="indices">The images, in order.</param>
    /// <param name="size">Side of the crop.</param>
    /// <param name="batch">Images of a batch; the last may have fewer.</param>
    /// <param name="workers">Threads that decode.</param>
    /// <param name="bad">Counts unreadable images, which are left out; none is allowed when not given.</param>
    /// <param name="cancellation">Stops before the next batch.</param>
    /// <returns>The batches; each is valid until the next is requested.</returns>
    /// <exception cref="LdaeException">Data: more images are unreadable than allowed, or all are.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was cancelled.</exception>
    public static IEnumerable<ImageBatch> Read(
        IImageSource source, int[] indices, int size, int batch = 256, int workers = 2, BadSamples? bad = null, CancellationToken cancellation = default)
    {
        var counter = bad ?? new BadSamples();
        var any = false;
        var buffers = new[] { new ImageBatch(batch, size), new ImageBatch(batch, size) };
        var pending = Task.Run(() => Fill(buffers[0], 0), cancellation);
        for (var number = 0; number * (long)batch < indices.Length; number++)
        {
            var ready = pending.GetAwaiter().GetResult();
            cancellation.ThrowIfCancellationRequested();
            var next = number + 1;
            pending = Task.Run(() => Fill(buffers[next % 2], next), cancellation);
            if (ready.Count > 0)
            {
                any = true;
                yield return ready;
            }
        }

        if (!any && indices.Length > 0)
        {
            throw new LdaeException(ErrorKind.Data, $"No image of {source.Name} can be read.", "Check the files that the log names.");
        }

        ImageBatch Fill(ImageBatch to, int number)
        {
            var first = number * batch;
            var count = Math.Clamp(indices.Length - first, 0, batch);
            var readable = new bool[count];
            var options = new ParallelOptions { MaxDegreeOfParallelism = workers };
            try
            {
                Parallel.For(0, count, options, i =>
                {
                    var index = indices[first + i];
                    if (counter.Try(source, index) is { } image)
                    {
                        Augmentation.Center(image, size, to.Image(i));
                        (to.Labels[i], to.Indices[i], readable[i]) = (source.Label(index), index, true);
                    }
                });
            }
            catch (AggregateException several) when (several.InnerExceptions.OfType<LdaeException>().FirstOrDefault() is { } known)
            {
                throw known;
            }

            Close(to, readable);
            to.Step = number;
            return to;
        }
    }

    /// <summary>Moves images up over unreadable ones.</summary>
    private static void Close(ImageBatch batch, bool[] readable)
    {
        var kept = 0;
        for (var i = 0; i < readable.Length; i++)
        {
            if (!readable[i])
            {
                continue;
            }

            if (kept != i)
            {
                batch.Image(i).CopyTo(batch.Image(kept));
                (batch.Labels[kept], batch.Indices[kept]) = (batch.Labels[i], batch.Indices[i]);
            }

            kept++;
        }

        batch.Count = kept;
    }
}
