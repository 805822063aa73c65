using System.Globalization;
using System.Security.Cryptography;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Checkpoints;

/// <summary>
/// Atomic checkpoint folders. The files of a checkpoint are written into a hidden sibling folder, flushed to the disk, listed with
/// their lengths and SHA-256 in a manifest that is flushed last, and only then is the folder renamed to <c>step-XXXXXXXX</c> and the name flushed:
/// a run that is killed at any moment leaves every earlier checkpoint as it was and at worst a hidden folder,
/// which <see cref="RemoveStale"/> clears.
/// </summary>
public static class CheckpointFolder
{
    private const string Prefix = "step-", Unfinished = ".tmp-", Replaced = ".old-";

    /// <summary>Name of a step's folder.</summary>
    /// <param name="step">Optimizer steps done.</param>
    /// <returns>step- and at least eight digits.</returns>
    public static string NameOf(long step) => Prefix + step.ToString("D8", CultureInfo.InvariantCulture);

    /// <summary>Writes a checkpoint; one of the same step is replaced.</summary>
    /// <param name="checkpoints">Folder of the run's checkpoints; created if missing.</param>
    /// <param name="step">Optimizer steps done, from 0.</param>
    /// <param name="files">What it holds; written in this order.</param>
    /// <returns>The checkpoint.</returns>
    /// <exception cref="LdaeException">Run: something cannot be written (a full disk, no permission).</exception>
    public static Checkpoint Write(string checkpoints, long step, IReadOnlyList<CheckpointFile> files)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        if (files.FirstOrDefault(f => !CheckpointManifest.IsPlain(f.Name)) is { } bad)
        {
            throw new ArgumentException($"'{bad.Name}' is not a plain file name.", nameof(files));
        }

        var final = Path.Combine(checkpoints, NameOf(step));
        var temporary = Path.Combine(checkpoints, $"{Unfinished}{NameOf(step)}-{Environment.ProcessId}");
        try
        {
            RemoveIfThere(temporary);
            Directory.CreateDirectory(temporary);
            WriteFiles(temporary, step, files);
            FolderFlush.Flush(temporary);
            Publish(checkpoints, temporary, final, step);
            FolderFlush.Flush(checkpoints);
            return new Checkpoint(step, final);
        }
        catch (Exception e)
        {
            // On a full disk the incomplete checkpoint must be deleted first.
            TryRemove(temporary);
            if (e is not (IOException or UnauthorizedAccessException))
            {
                throw;
            }

            throw new LdaeException(
                ErrorKind.Run,
                $"Checkpoint {final} cannot be written: {e.Message}",
                "Free disk space, or give an --out that can be written; earlier checkpoints are intact.",
                e);
        }
    }

    /// <summary>The checkpoints whose writing was finished, newest first. Their content is not checked.</summary>
    /// <param name="checkpoints">Folder of the run's checkpoints; may be missing.</param>
    /// <returns>The checkpoints.</returns>
    public static IReadOnlyList<Checkpoint> List(string checkpoints) =>
        [.. StepFolders(checkpoints).Where(c => File.Exists(Path.Combine(c.Folder, CheckpointManifest.FileName)))];

    /// <summary>Compares every file of a checkpoint with the manifest: length, then SHA-256.</summary>
    /// <param name="folder">A checkpoint's folder.</param>
    /// <returns>The checkpoint.</returns>
    /// <exception cref="LdaeException">Data: the message names the file at fault and the figures.</exception>
    public static Checkpoint Verify(string folder)
    {
        var manifest = CheckpointManifest.Read(folder);
        if (StepOf(folder) is { } step && step != manifest.Step)
        {
            throw CheckpointManifest.Bad($"{folder} has the manifest of step {manifest.Step}");
        }

        foreach (var (name, bytes, sha256) in manifest.Files)
        {
            var path = Path.Combine(folder, name);
            try
            {
                using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1);
                if (file.Length != bytes)
                {
                    throw CheckpointManifest.Bad($"{path} has {file.Length} bytes, but its manifest has {bytes}");
                }

                if (Hash(file) != sha256)
                {
                    throw CheckpointManifest.Bad($"{path} was changed: its SHA-256 differs from the manifest's");
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw CheckpointManifest.Bad($"{path} cannot be read ({e.Message.TrimEnd('.')})", e);
            }
        }

        return new Checkpoint(manifest.Step, folder);
    }

    /// <summary>The newest checkpoint that verifies.</summary>
    /// <param name="checkpoints">Folder of the run's checkpoints; may be missing.</param>
    /// <param name="warnings">One line for each broken checkpoint that was skipped, newest first.</param>
    /// <returns>The checkpoint, or null if there is none.</returns>
    public static Checkpoint? LatestValid(string checkpoints, out IReadOnlyList<string> warnings)
    {
        var lines = new List<string>();
        warnings = lines;
        foreach (var candidate in StepFolders(checkpoints))
        {
            try
            {
                return Verify(candidate.Folder);
            }
            catch (LdaeException e)
            {
                lines.Add($"Checkpoint skipped: {e.Message}");
            }
        }

        return null;
    }

    /// <summary>
    /// Deletes all but the newest complete checkpoints. Those of later steps than the run's are neither counted nor deleted: the run
    /// skipped them as broken, and must not lose an intact checkpoint because of them.
    /// </summary>
    /// <param name="checkpoints">Folder of the run's checkpoints.</param>
    /// <param name="keepLast">How many to keep, at least 1.</param>
    /// <param name="step">Steps the run has done.</param>
    /// <param name="spared">Step of a checkpoint that is kept in addition, or null.</param>
    public static void Prune(string checkpoints, int keepLast, long step, long? spared = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keepLast, 1);
        foreach (var old in List(checkpoints).Where(c => c.Step <= step).Skip(keepLast).Where(c => c.Step != spared))
        {
            // Hidden first: a kill in the middle of the deletion leaves no half checkpoint under a checkpoint's name.
            var hidden = Path.Combine(checkpoints, Unfinished + NameOf(old.Step));
            RemoveIfThere(hidden);
            Directory.Move(old.Folder, hidden);
            Directory.Delete(hidden, recursive: true);
        }
    }

    /// <summary>
    /// Clears what a killed run left: deletes unfinished folders, and restores a checkpoint whose replacement was not
    /// finished. Only the process that writes the checkpoints may call it, before it writes.
    /// </summary>
    /// <param name="checkpoints">Folder of the run's checkpoints; may be missing.</param>
    public static void RemoveStale(string checkpoints)
    {
        if (!Directory.Exists(checkpoints))
        {
            return;
        }

        foreach (var replaced in Directory.GetDirectories(checkpoints, Replaced + Prefix + "*"))
        {
            var final = Path.Combine(checkpoints, Path.GetFileName(replaced)[Replaced.Length..]);
            if (Directory.Exists(final))
            {
                Directory.Delete(replaced, recursive: true);
            }
            else
            {
                Directory.Move(replaced, final);
            }
        }

        foreach (var unfinished in Directory.GetDirectories(checkpoints, Unfinished + Prefix + "*"))
        {
            Directory.Delete(unfinished, recursive: true);
        }
    }

    private static void WriteFiles(string folder, long step, IReadOnlyList<CheckpointFile> files)
    {
        var written = new List<(string, long, string)>();
        foreach (var file in files)
        {
            var path = Path.Combine(folder, file.Name);
            file.Write(path);
            using var stream = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, 1);
            stream.Flush(flushToDisk: true);
            written.Add((file.Name, stream.Length, Hash(stream)));
        }

        var last = Path.Combine(folder, CheckpointManifest.FileName);
        using var manifest = new FileStream(last, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1);
        manifest.Write(new CheckpointManifest(step, written).ToJson().Span);
        manifest.Flush(flushToDisk: true);
    }

    /// <summary>A folder cannot be renamed onto another, so an older one of the same step is renamed first.</summary>
    private static void Publish(string checkpoints, string temporary, string final, long step)
    {
        var aside = Path.Combine(checkpoints, Replaced + NameOf(step));
        if (Directory.Exists(final))
        {
            RemoveIfThere(aside);
            Directory.Move(final, aside);
        }

        try
        {
            Directory.Move(temporary, final);
        }
        catch (IOException) when (Directory.Exists(aside))
        {
            Directory.Move(aside, final);
            throw;
        }

        RemoveIfThere(aside);
    }

    /// <summary>Folders with a checkpoint's name, newest first.</summary>
    private static IEnumerable<Checkpoint> StepFolders(string checkpoints) => !Directory.Exists(checkpoints)
        ? []
        : Directory.GetDirectories(checkpoints, Prefix + "*")
            .Select(folder => (Step: StepOf(folder), Folder: folder))
            .Where(c => c.Step is not null)
            .Select(c => new Checkpoint(c.Step!.Value, c.Folder))
            .OrderByDescending(c => c.Step);

    private static long? StepOf(string folder)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder));
        return name.StartsWith(Prefix, StringComparison.Ordinal)
            && long.TryParse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var step)
            && NameOf(step) == name
            ? step
            : null;
    }

    private static string Hash(Stream stream)
    {
        stream.Position = 0;
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static void TryRemove(string folder)
    {
        try
        {
            RemoveIfThere(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The original error is more useful; the next start deletes the folder.
        }
    }

    private static void RemoveIfThere(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}

/// <summary>A complete checkpoint on disk.</summary>
/// <param name="Step">Optimizer steps done when it was written.</param>
/// <param name="Folder">Its folder.</param>
public sealed record Checkpoint(long Step, string Folder);

/// <summary>A file of a checkpoint to be written.</summary>
/// <param name="Name">Plain file name, without folders.</param>
/// <param name="Write">Writes the file at the path it is given, and closes it.</param>
public sealed record CheckpointFile(string Name, Action<string> Write);
