/* What a session has defined: catalogs, databases, tables and views.
 *
 *     Catalog ─ NamedCatalog `default_catalog` ─ CatalogDatabase `default_database` ─ CatalogObject
 *        └───── temporary CatalogObjects, by full path, in front of the others
 *
 * Definitions are syntax trees, already merged with what LIKE and ALTER say. They outlive the plans
 * that use them: each plan binds those that it needs (definition.c). */
#ifndef WEIR_PLAN_CATALOG_H
#define WEIR_PLAN_CATALOG_H

#include "base/list.h"
#include "base/map.h"
#include "sql/ast.h"

typedef enum ObjectKind { OBJECT_TABLE, OBJECT_VIEW, OBJECT_MATERIALIZED } ObjectKind;

typedef struct CatalogObject {
    ObjectKind kind;
    int32_t id;            /* of this definition: a changed one gets another */
    Str catalog, database; /* where it is; names in a view's query are relative to `scope` */
    Str name;
    Str path; /* all three, joined by points */
    Str scope_catalog, scope_database;
    Span span; /* of the name */
    bool is_temporary;
    bool is_broken; /* its definition had mistakes: uses stay silent */
    const SqlCreateTable *table;
    const SqlCreateView *view;
    const SqlCreateMaterializedTable *materialized;
    List partitions; /* see partition.c */
} CatalogObject;

typedef struct CatalogDatabase {
    Str name;
    SqlComment comment;
    List options; /* SqlOption */
    Map *objects; /* name -> CatalogObject */
} CatalogDatabase;

typedef struct NamedCatalog {
    Str name;
    SqlComment comment;
    List options; /* SqlOption */
    Str default_database;
    Map *databases; /* name -> CatalogDatabase */
} NamedCatalog;

typedef struct Catalog {
    Map *named;            /* name -> NamedCatalog */
    Map *temporary;        /* path -> CatalogObject */
    Str catalog, database; /* the current ones */
} Catalog;

/* Where a name of one to three parts leads. */
typedef struct ObjectPath {
    Str catalog, database, name;
    Str text; /* all three, joined by points */
} ObjectPath;

#endif
