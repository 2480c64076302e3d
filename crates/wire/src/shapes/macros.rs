//! The forms in which the generator writes its tables, so that a generated file has one line per member.
//!
//! They expand to plain structs and statics. What they expand to was chosen by measuring (docs/adr/0002): one function
//! per structure, and everything else behind `dyn`.

/// A struct with its schema and its fields by number.
macro_rules! structure {
    ($(#[$doc:meta])* $name:ident $schema:ident $(error($code:literal, $status:literal))? {
        $($index:literal $field:ident: $type:ty = $member:expr;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name { $(pub $field: $type,)* }

        $(#[$doc])*
        pub static $schema: StructureSchema = StructureSchema {
            name: stringify!($name),
            members: &[$($member,)*],
            error: structure!(@error $($code, $status)?),
        };

        impl Structure for $name {
            fn schema(&self) -> &'static StructureSchema {
                &$schema
            }

            fn field_mut(&mut self, index: usize) -> &mut dyn Field {
                match index {
                    $($index => &mut self.$field,)*
                    _ => no_such_field(self.schema(), index),
                }
            }
        }

        impl Field for $name {
            fn put(&mut self, document: Document) -> Result<(), DecodeError> {
                fill(self, document)
            }

            fn take(&mut self) -> Document {
                drain(self)
            }
        }
    };
    (@error) => { None };
    (@error $code:literal, $status:literal) => { Some(ErrorTrait { code: $code, status: $status }) };
}

/// Schemas of lists.
macro_rules! lists {
    ($($schema:ident: $kind:expr, $member_name:literal, $flattened:literal;)*) => {
        $(pub static $schema: ListSchema =
            ListSchema { member: $kind, member_name: $member_name, flattened: $flattened };)*
    };
}

/// Schemas of maps.
macro_rules! maps {
    ($($schema:ident: $kind:expr, $key_name:literal, $value_name:literal, $flattened:literal;)*) => {
        $(pub static $schema: MapSchema =
            MapSchema { value: $kind, key_name: $key_name, value_name: $value_name, flattened: $flattened };)*
    };
}

/// Schemas of enumerations.
macro_rules! enumerations {
    ($($schema:ident: [$($value:literal,)*];)*) => {
        $(pub static $schema: EnumSchema = EnumSchema { values: &[$($value,)*] };)*
    };
}

/// A service: its model, its operations, and which structure is the input of which.
macro_rules! service {
    (
        $service:expr;
        operations {
            $($operation:ident($input:ident $input_schema:ident) -> $output:ident $output_schema:ident,
                wrapper $wrapper:expr, read_only $read_only:literal, idempotent $idempotent:literal,
                errors [$($error:ident,)*];)*
        }
    ) => {
        pub static SERVICE: ServiceModel = $service;

        static OPERATIONS: &[OperationModel] = &[$(OperationModel {
            name: stringify!($operation),
            input: &$input_schema,
            output: &$output_schema,
            result_wrapper: $wrapper,
            errors: &[$(&$error,)*],
            read_only: $read_only,
            idempotent: $idempotent,
        },)*];

        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation { $($operation,)* }

        impl Operation {
            /// In the order of their names, which is the order of `SERVICE.operations`.
            pub const ALL: &[Self] = &[$(Self::$operation,)*];

            #[must_use]
            pub fn model(self) -> &'static OperationModel {
                &OPERATIONS[self as usize]
            }

            #[must_use]
            pub fn name(self) -> &'static str {
                self.model().name
            }

            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                let position = OPERATIONS.binary_search_by(|operation| operation.name.cmp(name));
                position.ok().map(|index| Self::ALL[index])
            }
        }

        $(impl Input for $input {
            type Output = $output;

            fn service() -> &'static ServiceModel {
                &SERVICE
            }

            fn operation() -> &'static OperationModel {
                Operation::$operation.model()
            }
        })*

        /// Empty inputs and outputs of all operations.
        #[cfg(test)]
        pub(crate) fn every_structure() -> Vec<Box<dyn Structure>> {
            vec![$(Box::<$input>::default(), Box::<$output>::default(),)*]
        }
    };
}
