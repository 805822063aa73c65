namespace LDaeCore.Model.Data;

/// <summary>How a value is written in Thrift's compact protocol. A field that is a truth says which one by its type.</summary>
internal enum ThriftType
{
    Stop,
    True,
    False,
    Byte,
    Int16,
    Int32,
    Int64,
    Double,
    Binary,
    List,
    Set,
    Map,
    Struct,
}
